/** Most that pushing takes of the machine, for all subscriptions together or each request. */
export const PUSH_LIMITS = {
  /** Requests outstanding; a single subscription gets half of it, since none may have more than what is free. */
  outstanding: 8_000,
  /** Bytes of the bodies of these. */
  outstandingBytes: 256 * 1024 * 1024,
  /** Bytes of one batch, all of whose bodies are made in one turn. */
  batchBytes: 1024 * 1024,
  /** Head of an answer. */
  answerHeadBytes: 16 * 1024,
  /** What is read of an answer's body, which nobody looks at, so that its connection can be used again. */
  answerBodyBytes: 8 * 1024,
  /** Informational answers before the real one. */
  informationalAnswers: 16,
  /** An unused connection is kept this long. */
  idleConnectionMs: 30_000,
  /** Unused connections to one endpoint. */
  idleConnections: 256,
  /** Data up to this size is looked at, whether it is JSON: parsing more would hold up everybody else. */
  jsonProbeBytes: 1024 * 1024,
  /** Names whose addresses are remembered. */
  rememberedNames: 1_000,
  /** Tokens that are remembered. */
  rememberedTokens: 1_000,
  /** Different statuses and errors that are counted apart for one subscription. */
  countedOutcomes: 32,
} as const;
