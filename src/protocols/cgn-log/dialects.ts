// The dialects by the names that a configuration uses.
import { a10 } from './a10.ts';
import { f5 } from './f5.ts';
import { iosXr } from './ios-xr.ts';
import { junosCard, junosPba } from './junos.ts';
import { nfware } from './nfware.ts';
import { nokia } from './nokia.ts';
import type { CgnDialect } from './record.ts';
import { sixwind } from './sixwind.ts';

export const CGN_DIALECTS = {
  'junos-pba': junosPba,
  'junos-ms-mpc': junosCard,
  'cisco-ios-xr': iosXr,
  a10,
  nfware,
  '6wind': sixwind,
  f5,
  nokia,
} as const satisfies Readonly<Record<string, CgnDialect>>;

export type CgnDialectName = keyof typeof CGN_DIALECTS;
