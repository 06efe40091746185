// The port Log on pino: one JSON object a line, `code` from the catalogue, its text and next step beside it, the fields in
// `data`. Writes to the stream it is given (standard output in the service); rotates and ships nothing.
import { type DestinationStream, destination, pino } from 'pino';
import type { Json, Log } from '../flow/ports.ts';
import { isMessageCode, MESSAGES, type MessageCode } from './messages.ts';
import { plainFields, plainText } from './plain.ts';

type Fields = Readonly<Record<string, Json | undefined>>;

/** Log for code that may import the catalogue: an unknown code is a type error. */
export interface CatalogueLog extends Log {
  info(code: MessageCode, fields?: Fields): void;
  warn(code: MessageCode, fields?: Fields): void;
  error(code: MessageCode, fields?: Fields): void;
}

export interface LogOptions {
  readonly level?: 'info' | 'warn' | 'error';
  /** Default: standard output, unbuffered, so that the last words of a crash are not lost. */
  readonly stream?: DestinationStream;
  /** Which process speaks, e.g. `engawa` or `engawa-helper`. */
  readonly process?: string;
}

export function createLog(options: LogOptions = {}): CatalogueLog {
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: { process: options.process ?? 'engawa' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.stream ?? destination({ fd: 1, sync: true }),
  );
  const say = (level: 'info' | 'warn' | 'error', code: string, fields: Fields = {}): void => {
    const known = isMessageCode(code);
    const { text, next } = MESSAGES[known ? code : 'LOG_CODE_UNKNOWN'];
    const data = plainFields(known ? fields : { ...fields, unknownCode: plainText(code) });
    logger[level]({ code: known ? code : 'LOG_CODE_UNKNOWN', next, data }, text);
  };
  return {
    info: (code, fields) => say('info', code, fields),
    warn: (code, fields) => say('warn', code, fields),
    error: (code, fields) => say('error', code, fields),
  };
}
