// node-radius-client brings no types: what the tests use of it.
declare module 'node-radius-client' {
  export default class RadiusClient {
    constructor(options: { host: string; hostPort: number; timeout: number; retries: number });
    accessRequest(request: {
      secret: string;
      add_message_authenticator?: boolean;
      attributes: readonly (readonly [name: string, value: string])[];
    }): Promise<{ code: string; identifier: number; attributes: Readonly<Record<string, unknown>> }>;
  }
}
