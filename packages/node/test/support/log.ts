import { createLogger, type Logger } from "../../src/logger.ts";

export const quietLog: Logger = createLogger("test", "silent");
