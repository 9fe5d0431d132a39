/** The bytes of base64 text, in Node and in browsers. @throws {DOMException} for text that is none. */
export const base64ToBytes = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
