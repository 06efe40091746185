// The shape that builders of commands and the session that sends them share.

/** One command object of libnftables-json(5), e.g. `{ add: { element: … } }`. */
export type NftCommand = Readonly<Record<string, unknown>>;
