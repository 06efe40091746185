// What a simulated BNG says of itself, of a home and of a session, as attributes of Access-Request and accounting records.
import type { Attribute } from '../../protocols/radius/codec.ts';
import { writeNamed } from './dictionary.ts';
import type { BngOptions } from './options.ts';
import type { BngHome, BngSession } from './sessions.ts';
import type { Vocabulary } from './vocabulary.ts';
import { address, integer, prefix6, text } from './wire.ts';

type Box = Pick<BngOptions, 'name' | 'address'>;

export function aboutBox({ name, address: own }: Box): readonly Attribute[] {
  return [...text(32, name), ...address(own.includes(':') ? 95 : 4, own)];
}

/** Service-Type Framed, Framed-Protocol PPP, NAS-Port-Type Ethernet: what comes with a home that dials in. */
export function aboutLogin(home: BngHome, id: string, box: Box): readonly Attribute[] {
  return [...aboutHome(home, box), ...text(44, id), integer(6, 2), integer(7, 1), integer(61, 15)];
}

/** With a vocabulary: also the filters or services in force. `seconds`: how long it has lasted. */
export function aboutSession(
  session: BngSession,
  box: Box,
  { seconds, vocabulary }: { readonly seconds?: number; readonly vocabulary?: Vocabulary },
): readonly Attribute[] {
  const { id, home, classes, names } = session;
  return [
    ...aboutHome(home, box),
    ...text(44, id),
    ...classes.map((value) => ({ type: 25, value })),
    ...(vocabulary === undefined ? [] : writeNamed(vocabulary.report(names))),
    ...(seconds === undefined ? [] : [integer(46, seconds)]),
  ];
}

function aboutHome({ user, ip4, prefix6: delegated, portId, mac }: BngHome, box: Box): readonly Attribute[] {
  return [
    ...text(1, user),
    ...aboutBox(box),
    ...address(8, ip4),
    ...prefix6(123, delegated),
    ...text(87, portId),
    ...text(31, mac),
  ];
}
