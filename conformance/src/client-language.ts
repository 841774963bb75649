/** The official clients that STR-024 works with. */
export type ClientLanguage = "node" | "python" | "go" | "java";
