// Instants and durations. Instants are UTC milliseconds since 1970; names end in `At`, durations in `Ms` or `Seconds`.
export type Instant = number;

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
