// work: an allocation-heavy Node.js program for the benchmark. Reads a number of rounds a line, does them, answers "done".
'use strict';

const table = new Map();
let counter = 0;

function oneRound(number) {
        const record = { id: number, name: 'n' + number, tags: [], body: Buffer.alloc(1024 + number % 8192, number & 255) };

        for (let k = 0; k < 8; k++)
                record.tags.push('t' + (number * k) % 97);
        table.set(number % 2000, { text: JSON.stringify(record.tags), copy: Buffer.from(record.body), record });
}

require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
        for (let i = Number(line); i > 0; i--)
                oneRound(++counter);
        process.stdout.write('done\n');
});
