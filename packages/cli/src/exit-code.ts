/** Exit codes of every verb; scripts rely on them. */
export const EXIT = {
  done: 0,
  internal: 1,
  usage: 2,
  notVerified: 3,
  notPaid: 4,
  network: 5,
  timeout: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An outcome that is not an internal error: its message is for the user, its code for scripts. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}
