// Money is a decimal text from the API to the screen: binary floating point would change its last digits. A sum is a BigInt in units of
// 1e-30 USD.
const PLACES = 30, UNIT = 10n ** BigInt(PLACES);

/** A decimal text or whole number, e.g. "0.75" or "7.5E-8", in units of 1e-30. Further places are cut off. */
export function decimal(value) {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(String(value)) ?? [, '', '0'];
  const places = PLACES - fraction.length + Number(exponent), digits = BigInt(whole + fraction);
  const units = places >= 0 ? digits * 10n ** BigInt(places) : digits / 10n ** BigInt(-places);
  return sign ? -units : units;
}

export const sum = values => values.reduce((total, value) => total + decimal(value), 0n);

/** The exact decimal text of units, without an exponent and without trailing zeros. */
export function exact(units) {
  const digits = (units < 0n ? -units : units).toString().padStart(PLACES + 1, '0');
  const fraction = digits.slice(-PLACES).replace(/0+$/, '');
  return (units < 0n ? '-' : '') + digits.slice(0, -PLACES) + (fraction && '.' + fraction);
}

/** For lengths on the screen only, never for text. */
export const approximate = units => Number(units / 10n ** 12n) / 1e18;

/** Decimal text with a number of places, rounded half up, with commas. */
function rounded(units, places) {
  const step = 10n ** BigInt(PLACES - places), a = units < 0n ? -units : units;
  const text = exact((a + step / 2n) / step * step), [whole, fraction = ''] = text.split('.');
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (places ? '.' + fraction.padEnd(places, '0') : '');
}

/** Dollars: cents from 1 USD on, four places from a cent on, else three digits that count: 7.5e-8 is $0.000000075. */
export function money(value) {
  if (value == null) return '–';
  const units = typeof value === 'bigint' ? value : decimal(value), a = units < 0n ? -units : units, sign = units < 0n ? '-$' : '$';
  if (a === 0n) return '$0';
  if (a >= UNIT) return sign + rounded(a, 2);
  if (a >= UNIT / 100n) return sign + rounded(a, 4);
  const places = Math.min(PLACES, 3 + PLACES - a.toString().length);
  return sign + rounded(a, places).replace(/0+$/, '');
}

/** For tiles: whole dollars from 1,000 USD on. */
export function shortMoney(units) {
  const a = units < 0n ? -units : units;
  if (a >= 1_000_000n * UNIT) return '$' + short(approximate(units));
  return a >= 1000n * UNIT ? (units < 0n ? '-$' : '$') + rounded(a, 0) : money(units);
}

const whole = new Intl.NumberFormat('en-US');
export const count = value => value == null ? '–' : whole.format(value);

/** For axes and tiles: 2.9B, 412k. */
export function short(value) {
  for (const [size, unit] of [[1e9, 'B'], [1e6, 'M'], [1e3, 'k']])
    if (Math.abs(value) >= size) return (value / size).toFixed(Math.abs(value) < size * 10 ? 1 : 0).replace('.0', '') + unit;
  return String(+value.toPrecision(3));
}

export const axisMoney = value => value && Math.abs(value) < .01 ? money(value.toFixed(12)) : '$' + short(value);
export const milliseconds = value => value == null ? '–' : value === 0 ? '0' : value >= 10_000 ? `${Math.round(value / 1000)} s`
  : value >= 1000 ? `${(value / 1000).toFixed(1).replace('.0', '')} s` : `${Math.round(value)} ms`;

/** A share as text; small ones are not rounded to nothing. */
export const share = (part, all) => {
  const percent = all ? part / all * 100 : 0;
  return percent === 0 ? '0%' : percent < 1 ? '<1%' : `${percent.toFixed(percent < 10 ? 1 : 0).replace('.0', '')}%`;
};
