export { readReportRun } from './data/run';
export { summarise } from './data/summary';
export { terminalSummary } from './terminal';
export { saveReport } from './write-report';
