import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/core/kernel/time.ts';
import { eventTime } from '../../../src/core/line/accounting.ts';
import { T0 } from './records.ts';

const seconds = (instant: number) => Math.floor(instant / SECOND);

describe('when a record happened', () => {
  it('is its Event-Timestamp, and what that lies behind the moment of sending is the lag of the clock', () => {
    const event = { arrivedAt: T0 + 90_000, delaySeconds: 60, eventTimestampSeconds: seconds(T0) };
    expect(eventTime(event)).toEqual({ eventAt: T0, clockLagMs: 30_000 });
  });

  it('is arrival minus Acct-Delay-Time without one: a retransmission that waited longer is the same event', () => {
    expect(eventTime({ arrivedAt: T0 })).toEqual({ eventAt: T0 });
    expect(eventTime({ arrivedAt: T0 + 6000, delaySeconds: 6 })).toEqual({ eventAt: T0 });
    expect(eventTime({ arrivedAt: T0 + 24 * HOUR, delaySeconds: 86_400 })).toEqual({ eventAt: T0 });
  });

  it('is the same for a record that a proxy kept for a day and sent with the delay it added', () => {
    const first = { arrivedAt: T0 + 1000, eventTimestampSeconds: seconds(T0) };
    const spooled = { arrivedAt: T0 + DAY, delaySeconds: 86_399, eventTimestampSeconds: seconds(T0) };
    expect(eventTime(spooled)).toEqual(eventTime(first));
    const unsaid = { arrivedAt: T0 + DAY, eventTimestampSeconds: seconds(T0) };
    expect(eventTime(unsaid)).toEqual({ eventAt: T0, clockLagMs: DAY });
  });

  it('is never taken from a clock that cannot be right: 1970, 2106, a quarter of an hour ahead, a month ago', () => {
    for (const stamp of [0, 1200, 4_294_967_295, seconds(T0 + 15 * MINUTE), seconds(T0 - 31 * DAY)]) {
      const { eventAt, clockLagMs, wrongClockMs } = eventTime({ arrivedAt: T0, eventTimestampSeconds: stamp });
      expect([eventAt, clockLagMs, wrongClockMs]).toEqual([T0, undefined, T0 - stamp * SECOND]);
    }
  });

  it('believes no delay that an unset clock made', () => {
    expect(eventTime({ arrivedAt: T0, delaySeconds: 4_294_967_295 })).toEqual({ eventAt: T0 });
    const stamped = { arrivedAt: T0, delaySeconds: 1_795_000_000, eventTimestampSeconds: seconds(T0) };
    expect(eventTime(stamped)).toEqual({ eventAt: T0, clockLagMs: 0 });
  });
});
