// Looks report types up in the role table.
import { ROLES, type Role } from './role-table.ts';

const compiled = ROLES.flatMap((role) =>
  role.types.map((glob) => ({ role, pattern: new RegExp(`^${glob.replaceAll('*', '[a-z0-9_]*')}$`) })),
);

/** undefined = a type the table does not know: its rows are refused, never guessed at. */
export function roleOf(type: string): Role | undefined {
  return type.length > 80 ? undefined : compiled.find(({ pattern }) => pattern.test(type))?.role;
}
