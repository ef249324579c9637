// jit: a Node.js program whose allocations come from three functions: one that is called all the time and one in a timer become
// compiled code soon, one is called so rarely that it stays interpreted.
'use strict';
const kept = [];
let n = 0;
function keep(size) {
        kept[n++ % 400] = Buffer.alloc(size, n % 251);
}
function often() {
        for (let i = 0; i < 20; i++)
                kept[n++ % 400] = Buffer.alloc(20000 + i, n % 251);
        setTimeout(often, 2);
}
function timed() {
        for (let i = 0; i < 200; i++)
                kept[n++ % 400] = Buffer.alloc(15000 + i, n % 251);
}
function rare() {
        keep(3000000);
}
setInterval(timed, 10);
setInterval(rare, 70);
console.log('READY');
often();
