// steps: a Node.js program whose allocations all come from step_1, called by step_2, ... called by step_9, so that it is known
// which frames must stand on a stack through compiled code.
'use strict';
const kept = [];
let n = 0;
function step_1(size) {
        n++;
        kept[n % 500] = Buffer.alloc(size, n % 251);
        if (kept[n % 500][size >> 1] !== n % 251)
                process.exit(3);
        return size;
}
function step_2(size) { return step_1(size + 1) + 1; }
function step_3(size) { const f = (x) => x * 2; return step_2(size + 1) + f(1); }
function step_4(size) { try { return step_3(size + 1) + 1; } finally { n++; } }
function step_5(size) { return step_4(size + 1, 'more', 'arguments', 'than', 'it takes') + 1; }
function step_6(size, unused, also) { return step_5(size + 1) + (also === undefined ? 1 : 2); }
function step_7(size) { return [size].map(step_6)[0]; }
function step_8(size) { return Reflect.apply(step_7, null, [size + 1]); }
function step_9(size) { let total = 0; for (let i = 0; i < 3; i++) total += step_8(size + i); return total; }
function round() {
        for (let i = 0; i < 50; i++)
                step_9(8000 + i * 97);
        setImmediate(round);
}
console.log('READY');
round();
