// Reads TypeScript sources with the compiler's own scanner: what a file imports, and which free names it uses.
// Called by the architecture checker; calls typescript/unstable/ast (the scanner of the installed compiler).

import { SyntaxKind } from 'typescript/unstable/ast';
import { createScanner } from 'typescript/unstable/ast/scanner';

/** A token with the line it stands on (from 1). `value` is the text of an identifier or keyword, the content of a string. */
export interface Token {
  readonly kind: SyntaxKind;
  readonly value: string;
  readonly line: number;
}

/** One dependency of a file: static or dynamic import, type import, re-export, import type, or require. */
export interface Import {
  /** The module specifier, or undefined where it is not a literal. */
  readonly specifier: string | undefined;
  readonly line: number;
}

/** The tokens of a source, comments and white space left out. Never throws: what is no token is skipped. */
export function tokens(source: string): Token[] {
  const out: Token[] = [];
  const scanner = createScanner(true, undefined, source);
  const templates: number[] = []; // open braces inside each template substitution that we are in
  let line = 1;
  let counted = 0;
  for (;;) {
    let kind = scanner.scan();
    if (kind === SyntaxKind.EndOfFile) return out;
    if (kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) {
      if (startsExpression(out[out.length - 1])) kind = scanner.reScanSlashToken();
    } else if (kind === SyntaxKind.OpenBraceToken && templates.length > 0) {
      templates[templates.length - 1]!++;
    } else if (kind === SyntaxKind.CloseBraceToken && templates.length > 0 && --templates[templates.length - 1]! < 0) {
      kind = scanner.reScanTemplateToken(false);
      if (kind === SyntaxKind.TemplateTail) templates.pop();
      else templates[templates.length - 1] = 0;
    }
    if (kind === SyntaxKind.TemplateHead) templates.push(0);
    const start = scanner.getTokenStart();
    for (; counted < start; counted++) if (source.charCodeAt(counted) === 10) line++;
    out.push({ kind, value: scanner.getTokenValue() || scanner.getTokenText(), line });
  }
}

/** Whether an expression may start after this token, so that a slash begins a regular expression and not a division. */
function startsExpression(previous: Token | undefined): boolean {
  if (previous === undefined) return true;
  switch (previous.kind) {
    case SyntaxKind.Identifier:
    case SyntaxKind.NumericLiteral:
    case SyntaxKind.BigIntLiteral:
    case SyntaxKind.StringLiteral:
    case SyntaxKind.RegularExpressionLiteral:
    case SyntaxKind.NoSubstitutionTemplateLiteral:
    case SyntaxKind.TemplateTail:
    case SyntaxKind.CloseParenToken:
    case SyntaxKind.CloseBracketToken:
    case SyntaxKind.PlusPlusToken:
    case SyntaxKind.MinusMinusToken:
    case SyntaxKind.ExclamationToken: // x! / 2: more often a non-null assertion than !/re/
    case SyntaxKind.ThisKeyword:
    case SyntaxKind.SuperKeyword:
    case SyntaxKind.NullKeyword:
    case SyntaxKind.TrueKeyword:
    case SyntaxKind.FalseKeyword:
      return false;
    default:
      // Contextual keywords (`type`, `of`, `from`…) are ordinary names; reserved words end no expression.
      return !(previous.kind > SyntaxKind.LastReservedWord && previous.kind <= SyntaxKind.LastKeyword);
  }
}

/** Every module that a file refers to, in order. */
export function imports(list: readonly Token[]): Import[] {
  const out: Import[] = [];
  for (let i = 0; i < list.length; i++) {
    const { kind, line, value } = list[i]!;
    const previous = list[i - 1]?.kind;
    if (previous === SyntaxKind.DotToken || previous === SyntaxKind.QuestionDotToken) continue;
    const next = list[i + 1]?.kind;
    if (
      kind === SyntaxKind.ImportKeyword ||
      (kind === SyntaxKind.Identifier && value === 'require') ||
      kind === SyntaxKind.RequireKeyword
    ) {
      if (next === SyntaxKind.OpenParenToken) out.push({ specifier: literal(list[i + 2]), line });
      else if (kind === SyntaxKind.ImportKeyword && next === SyntaxKind.StringLiteral)
        out.push({ specifier: list[i + 1]!.value, line });
      else if (kind === SyntaxKind.ImportKeyword && next !== SyntaxKind.DotToken) {
        const from = fromClause(list, i + 1);
        if (from !== undefined) out.push({ specifier: from, line });
      }
    } else if (kind === SyntaxKind.ExportKeyword && isReExport(list, i + 1)) {
      const from = fromClause(list, i + 1);
      if (from !== undefined) out.push({ specifier: from, line });
    }
  }
  return out;
}

function literal(token: Token | undefined): string | undefined {
  const isText = token?.kind === SyntaxKind.StringLiteral || token?.kind === SyntaxKind.NoSubstitutionTemplateLiteral;
  return isText ? token.value : undefined;
}

/** `export {`, `export *`, `export type {`, `export type *`: only these can have a from clause. */
function isReExport(list: readonly Token[], at: number): boolean {
  const first = list[at]?.kind === SyntaxKind.TypeKeyword ? list[at + 1]?.kind : list[at]?.kind;
  return first === SyntaxKind.OpenBraceToken || first === SyntaxKind.AsteriskToken;
}

/** The specifier of the statement whose clause starts at `at`: `… from '…'`. Undefined when the clause ends without one. */
function fromClause(list: readonly Token[], at: number): string | undefined {
  let depth = 0;
  for (let i = at; i < list.length; i++) {
    const { kind } = list[i]!;
    if (kind === SyntaxKind.OpenBraceToken) depth++;
    else if (kind === SyntaxKind.CloseBraceToken) {
      depth--;
      if (depth === 0 && list[i + 1]?.kind !== SyntaxKind.FromKeyword) return undefined; // export { a, b };
    } else if (depth === 0 && kind === SyntaxKind.FromKeyword && list[i + 1]?.kind === SyntaxKind.StringLiteral) {
      return list[i + 1]!.value;
    } else if (kind === SyntaxKind.SemicolonToken || kind === SyntaxKind.EqualsToken) return undefined;
  }
  return undefined;
}

/** A name used that no member access or key explains: a global, or a local of the same name (which then confuses readers too). */
export interface FreeName {
  readonly name: string;
  readonly line: number;
  readonly next: Token | undefined;
  readonly afterNext: Token | undefined;
}

const KEY_MAY_FOLLOW: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.OpenBraceToken,
  SyntaxKind.CloseBraceToken,
  SyntaxKind.CommaToken,
  SyntaxKind.SemicolonToken,
  SyntaxKind.OpenParenToken,
  SyntaxKind.ReadonlyKeyword,
]);

/** Every use of one of `names` that is neither a member (`x.name`) nor a key or parameter (`name: …`). */
export function freeNames(list: readonly Token[], names: ReadonlySet<string>): FreeName[] {
  const out: FreeName[] = [];
  for (let i = 0; i < list.length; i++) {
    const token = list[i]!;
    if (token.kind !== SyntaxKind.Identifier || !names.has(token.value)) continue;
    const previous = list[i - 1]?.kind;
    if (previous === SyntaxKind.DotToken || previous === SyntaxKind.QuestionDotToken) continue;
    const next = list[i + 1];
    const afterNext = list[i + 2];
    const colon =
      next?.kind === SyntaxKind.ColonToken ||
      (next?.kind === SyntaxKind.QuestionToken && afterNext?.kind === SyntaxKind.ColonToken);
    if (colon && previous !== undefined && KEY_MAY_FOLLOW.has(previous)) continue;
    out.push({ name: token.value, line: token.line, next, afterNext });
  }
  return out;
}
