const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const twoFigures = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 });
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** `20,000` */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** `1,240`, `9.5`, `0.25`: as exact as a rate is worth. */
export function formatRate(rate: number): string {
  return (rate >= 10 ? whole : twoFigures).format(rate);
}

/** `1 token`, `950 tokens`, `1.2M tokens` */
export function formatTokens(tokens: number): string {
  return `${compact.format(tokens)} ${tokens === 1 ? 'token' : 'tokens'}`;
}

/** `1 request`, `20,000 requests` */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
