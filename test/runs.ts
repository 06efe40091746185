// How often a property runs: modest in the suite, multiplied by ENGAWA_HUNT in `npm run hunt`.
const factor = Number(process.env['ENGAWA_HUNT'] ?? 1) || 1;

export function runs(modest: number): number {
  return modest * factor;
}
