import { TemplateError } from './values';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const DAY_MS = 86_400_000;

/** How a number is written: how many characters, and what fills them. */
interface Field {
  text: string | number;
  width?: number;
  fill?: string;
}

/** `datetime.strftime` of Python on glibc, in the C locale, for a local time without a zone. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^#]?)(.?)/gsu, (whole, flag: string, code: string) => {
    const field = fieldOf(date, code);
    if (!field) throw new TemplateError(`strftime_now: the code ${whole} is not supported`);
    const text = String(field.text);
    if (flag === '^') return text.toUpperCase();
    if (flag === '#') throw new TemplateError(`strftime_now: the code ${whole} is not supported`);
    const fill = flag === '_' ? ' ' : flag === '0' ? '0' : (field.fill ?? '0');
    return field.width === undefined || flag === '-' ? text : text.padStart(field.width, fill);
  });
}

function fieldOf(date: Date, code: string): Field | undefined {
  const hour12 = date.getHours() % 12 || 12;
  const two = (text: number, fill = '0'): Field => ({ text, width: 2, fill });
  const inner = (format: string): Field => ({ text: strftime(date, format) });
  const fields: Record<string, () => Field> = {
    ...weekFields(date),
    h: () => inner('%b'),
    c: () => inner('%a %b %e %H:%M:%S %Y'),
    C: () => two(Math.floor(date.getFullYear() / 100)),
    d: () => two(date.getDate()),
    D: () => inner('%m/%d/%y'),
    e: () => two(date.getDate(), ' '),
    f: () => ({ text: date.getMilliseconds() * 1000, width: 6 }),
    F: () => inner('%Y-%m-%d'),
    H: () => two(date.getHours()),
    I: () => two(hour12),
    k: () => two(date.getHours(), ' '),
    l: () => two(hour12, ' '),
    m: () => two(date.getMonth() + 1),
    M: () => two(date.getMinutes()),
    n: () => ({ text: '\n' }),
    p: () => ({ text: date.getHours() < 12 ? 'AM' : 'PM' }),
    P: () => ({ text: date.getHours() < 12 ? 'am' : 'pm' }),
    r: () => inner('%I:%M:%S %p'),
    R: () => inner('%H:%M'),
    s: () => ({ text: Math.floor(date.getTime() / 1000) }),
    S: () => two(date.getSeconds()),
    t: () => ({ text: '\t' }),
    T: () => inner('%H:%M:%S'),
    x: () => inner('%m/%d/%y'),
    X: () => inner('%H:%M:%S'),
    y: () => two(date.getFullYear() % 100),
    Y: () => ({ text: date.getFullYear(), width: 1 }),
    z: () => ({ text: '' }),
    Z: () => ({ text: '' }),
    '%': () => ({ text: '%' }),
  };
  return Object.hasOwn(fields, code) ? fields[code]?.() : undefined;
}

/** Names and numbers of days, weeks and months. */
function weekFields(date: Date): Record<string, () => Field> {
  const two = (text: number): Field => ({ text, width: 2 });
  const { week, year } = isoWeek(date);
  return {
    a: () => ({ text: (DAYS[date.getDay()] ?? '').slice(0, 3) }),
    A: () => ({ text: DAYS[date.getDay()] ?? '' }),
    b: () => ({ text: (MONTHS[date.getMonth()] ?? '').slice(0, 3) }),
    B: () => ({ text: MONTHS[date.getMonth()] ?? '' }),
    g: () => two(year % 100),
    G: () => ({ text: year, width: 4 }),
    j: () => ({ text: dayOfYear(date) + 1, width: 3 }),
    u: () => ({ text: date.getDay() || 7, width: 1 }),
    U: () => two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
    V: () => two(week),
    w: () => ({ text: date.getDay(), width: 1 }),
    W: () => two(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  };
}

const dayNumber = (date: Date): number => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS;

/** From 0. */
const dayOfYear = (date: Date): number => dayNumber(date) - Date.UTC(date.getFullYear(), 0, 1) / DAY_MS;

/** ISO 8601: the week belongs to the year of its Thursday. */
function isoWeek(date: Date): { week: number; year: number } {
  const thursday = new Date((dayNumber(date) + 4 - (date.getDay() || 7)) * DAY_MS);
  const year = thursday.getUTCFullYear();
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS / 7) + 1 };
}
