export { readReportRun } from './data/run';
export { summarize } from './data/summary';
export { settingsJson, settingsLines } from './settings-table';
export { terminalSummary } from './terminal';
export { saveReport } from './write-report';
