/** A text to train on, for `slurm-node.sh`. */
const words = ['the', 'cat', 'sat', 'on', 'a', 'mat', 'and', 'saw\n'];
process.stdout.write(Array.from({ length: 3000 }, (_, i) => words[(i * i + (i % 11)) % 8]).join(' '));
