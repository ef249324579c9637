// grow: a Node.js program: buffers outside V8's heap that are kept, churn inside and outside, timers and promises.
const kept = [];
let step = 0;
function churn() {
        step++;
        const parts = [];
        for (let i = 0; i < 200; i++) {
                const b = Buffer.alloc(20000 + i, step % 251);
                if (b[i] !== step % 251)
                        process.exit(3);
                parts.push({ b, s: `text ${i} ${step}` });
        }
        kept.push(parts[0]);
        if (kept.length > 5000)
                kept.length = 0;
        JSON.parse(JSON.stringify(parts.map((p) => p.s)));
        setImmediate(churn);
}
console.log('READY');
churn();
