export { STREET_CLASSES, type StreetClass } from './actors.ts';
export { rgbToI420 } from './i420.ts';
export { Street, type StreetFrame, type StreetOptions, type StreetTruth } from './street.ts';
