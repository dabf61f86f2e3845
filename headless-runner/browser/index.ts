export { fetchBrowser, fetchedBrowser } from './fetch.ts';
export { findBrowser } from './find.ts';
