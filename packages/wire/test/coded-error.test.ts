import { expect, test } from "vitest";
import { CodedError } from "../src/index.ts";

class TideError extends CodedError<{ readonly code: "TIDE_LOW"; readonly metres: number }> {}

test("an error carries its code, its numbers, its cause and its own name", () => {
  const cause = new Error("the gauge");
  const error = new TideError({ code: "TIDE_LOW", metres: 2 }, "too low", { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe("TideError");
  expect(error.detail).toEqual({ code: "TIDE_LOW", metres: 2 });
  expect(error.cause).toBe(cause);
  expect(String(error)).toBe("TideError: too low");
});
