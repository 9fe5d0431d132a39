/** Puts mutants of Solidity statements behind switches. It knows as much of the language as our contracts use. */

export interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly change: string;
}

/** The switch: true for the mutant whose number the environment holds. */
export const SWITCH: string = `// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

library Mutant {
    address private constant CHEATS = address(uint160(uint256(keccak256("hevm cheat code"))));

    function on(uint256 number) internal view returns (bool) {
        (bool known, bytes memory answer) =
            CHEATS.staticcall(abi.encodeWithSignature("envUint(string)", "MUTANT"));
        return known && answer.length == 32 && abi.decode(answer, (uint256)) == number;
    }
}
`;

/** Each comparison and the one that differs from it at the boundary. */
const BOUNDARY: Readonly<Record<string, string>> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };
/** Events, assignments and calls; no declarations, no returns. */
const REMOVABLE = /^(emit\b|[\w.[\]]+\s*(=|\+=|-=)[^=]|[\w.]+\()/;

/** The parts of `text` between those `token`s that stand outside of all brackets. */
function split(text: string, token: string): readonly string[] {
  const parts: string[] = [];
  let [depth, from] = [0, 0];
  for (let i = 0; i < text.length; ++i) {
    if ("([{".includes(text.charAt(i))) ++depth;
    if (")]}".includes(text.charAt(i))) --depth;
    if (depth === 0 && text.startsWith(token, i)) {
      parts.push(text.slice(from, i));
      from = i + token.length;
      i = from - 1;
    }
  }
  return [...parts, text.slice(from)];
}

/** The end of the bracket that opens at `from`, behind it. */
function closing(text: string, from: number): number {
  let depth = 0;
  for (let i = from; i < text.length; ++i) {
    if (text.charAt(i) === "(") ++depth;
    if (text.charAt(i) === ")" && --depth === 0) return i + 1;
  }
  throw new Error(`unbalanced: ${text.slice(from, from + 40)}`);
}

/** Notes one mutant, and gives the Solidity expression that is true when it is switched on. */
type Note = (change: string) => string;

/** A condition, each of whose terms can be taken away, and each of whose comparisons can be off by one. */
function mutateCondition(text: string, dropped: "true" | "false", note: Note): string {
  const either = split(text, "||");
  if (either.length > 1) {
    return either.map((term) => mutateCondition(term, "false", note)).join(" || ");
  }
  const both = split(text, "&&");
  if (both.length > 1) return both.map((term) => mutateCondition(term, "true", note)).join(" && ");
  const term = text.trim();
  const compared = mutateComparison(term, note);
  const off = note(`${term}: ${dropped}`);
  return dropped === "false" ? `(!${off} && ${compared})` : `(${off} || ${compared})`;
}

function mutateComparison(term: string, note: Note): string {
  for (const [operator, other] of Object.entries(BOUNDARY)) {
    const [left, right, more] = split(term, ` ${operator} `);
    if (left === undefined || right === undefined || more !== undefined) continue;
    return `(${note(`${term}: ${operator} becomes ${other}`)} ? ${left} ${other} ${right} : ${term})`;
  }
  return term;
}

/** A statement that can be left out, or whose condition can be changed. */
function mutateStatement(text: string, note: Note): string {
  const body = text.trimStart();
  const indent = text.slice(0, text.length - body.length);
  if (body.startsWith("if (")) {
    const end = closing(body, 3);
    const then = body.slice(end);
    const always =
      then.trim() === "" || then.includes("revert") ? "" : `${note(`always:${then}`)} || `;
    return `${indent}if (${always}${mutateCondition(body.slice(4, end - 1), "false", note)})${then}`;
  }
  const bool = /^bool (\w+) = /.exec(body);
  if (bool) {
    return `${indent}${bool[0]}${mutateCondition(body.slice(bool[0].length), "true", note)}`;
  }
  return REMOVABLE.test(body) ? `${indent}if (!${note(`without ${body}`)}) ${body}` : text;
}

interface Piece {
  readonly text: string;
  /** The line of its first character that is not blank. */
  readonly line: number;
  /** It ends with `;` or `{` inside of a function or modifier. */
  readonly isStatement: boolean;
}

/** The source in pieces, which together are the source again. */
function* pieces(source: string): Generator<Piece> {
  let [from, braces, round] = [0, 0, 0];
  let inFunction = false;
  for (const { 0: token, index } of source.matchAll(/\/\/.*|[;{}()]/g)) {
    const text = source.slice(from, index);
    const line = source.slice(0, from + Math.max(text.search(/\S/), 0)).split("\n").length;
    if (token === "(") ++round;
    if (token === ")") --round;
    const isComment = token.startsWith("//");
    if (!isComment && (round > 0 || token === ")")) continue;
    yield { text, line, isStatement: !isComment && inFunction && braces >= 2 };
    yield { text: token, line, isStatement: false };
    if (token === "{" && ++braces === 2) inFunction = /\b(function|modifier)\b/.test(text);
    if (token === "}") --braces;
    from = index + token.length;
  }
  yield { text: source.slice(from), line: 0, isStatement: false };
}

/** The source with its mutants, numbered from `first`. */
export function instrument(source: string, file: string, first: number) {
  const mutants: Mutant[] = [];
  const out = Array.from(pieces(source), ({ text, line, isStatement }) => {
    const note = (change: string) => {
      mutants.push({ file, line, change: change.replaceAll(/\s+/g, " ").trim() });
      return `Mutant.on(${first + mutants.length - 1})`;
    };
    return isStatement ? mutateStatement(text, note) : text;
  });
  const switched = out
    .join("")
    .replace(/^pragma [^;]+;$/m, (pragma) => `${pragma}\nimport {Mutant} from "./Mutant.sol";`)
    // The switch reads; what calls it cannot be pure.
    .replace(/(function requireAgreement\([^)]*\)\s+internal) pure/, "$1 view");
  return { source: switched, mutants };
}
