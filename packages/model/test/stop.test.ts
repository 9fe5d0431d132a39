import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createStopStream, cutAtStop } from "../src/chat-model.ts";

describe("stop sequences (spec/06 §6.4)", () => {
  test.each([
    ["no stop", "abc", [], { text: "abc", stopped: false }],
    ["one that is not there", "abc", ["x"], { text: "abc", stopped: false }],
    ["one in the middle", "abc", ["b"], { text: "a", stopped: true }],
    ["the first of two places", "abab", ["b"], { text: "a", stopped: true }],
    ["the one that begins first", "abcd", ["cd", "b"], { text: "a", stopped: true }],
    ["one at the start", "abc", ["a"], { text: "", stopped: true }],
    ["half of one at the end", "abc", ["cd"], { text: "abc", stopped: false }],
  ])("%s", (_what, text, stops, cut) => {
    expect(cutAtStop(text, stops)).toEqual(cut);
  });

  test("text in pieces is cut as it is whole, and nothing is shown too early", () => {
    const letters = fc.constantFrom("a", "b", "c");
    const short = fc.string({ unit: letters, minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: letters, maxLength: 6 }), { maxLength: 12 }),
        fc.array(short, { maxLength: 3 }),
        (pieces, stops) => {
          const stream = createStopStream(stops);
          const whole = cutAtStop(pieces.join(""), stops).text;
          let shown = "";
          for (const piece of pieces) {
            shown += stream.push(piece);
            expect(whole.startsWith(shown)).toBe(true);
          }
          expect(shown + stream.end()).toBe(whole);
        },
      ),
    );
  });
});
