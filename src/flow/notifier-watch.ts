// Remembers how each channel's last messages ended: what the standing warning about messages is made of.
import type { Notifier } from './ports.ts';

/** Fewer in a row are the receiver's trouble, not the channel's. */
const FAILING_AFTER = 3;

export interface NotifierWatch {
  readonly notifiers: readonly Notifier[];
  /** Channels whose last messages all failed. */
  failing(): readonly { readonly channel: string; readonly inARow: number }[];
}

export function watchNotifiers(notifiers: readonly Notifier[]): NotifierWatch {
  const inARow = new Map<string, number>();
  const note = (channel: string, isSent: boolean) => inARow.set(channel, isSent ? 0 : (inARow.get(channel) ?? 0) + 1);
  return {
    notifiers: notifiers.map((notifier) => ({
      channel: notifier.channel,
      send: async (message, signal) => {
        try {
          const answer = await notifier.send(message, signal);
          note(notifier.channel, answer.ok);
          return answer;
        } catch (cause) {
          note(notifier.channel, false);
          throw cause;
        }
      },
    })),
    failing: () =>
      [...inARow].filter(([, count]) => count >= FAILING_AFTER).map(([channel, count]) => ({ channel, inARow: count })),
  };
}
