import { readFileSync } from 'node:fs';
import { keepSecondTurn } from '/work/h4/bench/server/levels';
const r = JSON.parse(readFileSync('/work/h4/bench/results/server-second-turn-2026-11-30T09-06-08.json', 'utf8'));
keepSecondTurn('/work/h4/docs/serving.json', { history: 10000, weights: 'int8', threads: 2, layers: 24, hidden: 768, vocab: 50280, ours: r.ours, nodeLlama: r.nodeLlama, machine: r.machine });
