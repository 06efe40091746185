// The schema of POST /v1/reports, as its clients see it; docs/reports-api.md shows the JSON Schema made from it. Shapes and
// bounds only: addresses and times are judged in read.ts, where a refusal gets its own code.
import { z } from 'zod';
import { REPORT_CLASSES } from '../../core/report/report.ts';

const port = z.int().min(1).max(65_535);

export const eventSchema = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(128)
      .describe('Your own id of this observation. The same id with the same content is a duplicate.'),
    observedAt: z.string().min(20).max(35).describe('RFC 3339 with Z or an offset, e.g. 2026-03-04T05:06:07Z.'),
    precisionSeconds: z.int().min(1).max(86_400).optional().describe('How far observedAt may be off; default 1.'),
    class: z.enum(REPORT_CLASSES).describe('What was observed.'),
    family: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe('Threat family, by slug or alias; unknown names count as `unknown`.'),
    ip: z
      .string()
      .min(2)
      .max(45)
      .describe('The address on the line: IPv4 dotted decimal or IPv6 (RFC 4291), no prefix, no zone.'),
    port: port.optional().describe('Source port on the line. Without it a shared address is never attributed.'),
    protocol: z.enum(['tcp', 'udp', 'icmp']).optional(),
    destinationIp: z.string().min(2).max(45).optional(),
    destinationPort: port.optional(),
    extra: z
      .record(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/), z.string().max(256))
      .refine((extra) => Object.keys(extra).length <= 32, 'at most 32 entries')
      .optional()
      .describe('Up to 32 further facts as text; kept, never interpreted.'),
  })
  .describe('One observation of one address.');

export type ReportedEvent = z.infer<typeof eventSchema>;

/** JSON bodies: this object. JSON lines: one event a line. */
export const deliverySchema = z.strictObject({ reports: z.array(eventSchema).min(1).max(10_000) });

/** Draft 2020-12, for the documentation and for editors. */
export function deliveryJsonSchema(): unknown {
  return z.toJSONSchema(deliverySchema, { io: 'input' });
}
