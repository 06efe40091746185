// Why a connection failed, in a sentence for the log: what the server said, never what we told it.

interface ImapFailure {
  readonly authenticationFailed?: boolean;
  readonly serverResponseCode?: unknown;
  readonly responseText?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

export function causeOf(cause: unknown): string {
  const { authenticationFailed, responseText, code, message } = (cause ?? {}) as ImapFailure;
  const text = [responseText, message].find((one): one is string => typeof one === 'string' && one !== '') ?? 'failed';
  const plain = text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 150);
  if (authenticationFailed === true) return `the server refuses the login (${plain})`;
  return typeof code === 'string' && !plain.includes(code) ? `${plain} (${code})` : plain;
}
