export { INTERVALS, type Intervals } from './grid/intervals.ts';
export { STRATEGY_NAMES, type StrategyName } from './grid/strategies.ts';
export { readIceServers } from './ice-servers.ts';
export { type RunningServer, type ServerOptions, startServer } from './main.ts';
export { SERVER_DEFAULTS } from './options.ts';
