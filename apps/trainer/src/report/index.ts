export { readReportRun } from './data/run';
export { summarize } from './data/summary';
export { terminalSummary } from './terminal';
export { saveReport } from './write-report';
