import { Budget } from './budget';
import { Expressions } from './expressions';
import { globalsOf } from './globals';
import { str } from './print';
import { Scope } from './scope';
import { type Named, type Node, type Parameter, parseTemplate } from './syntax';
import { Callable, fromJs, isEqual, isTrue, itemsOf, type Keywords, Namespace, TemplateError, type Value } from './values';

type Fields = Record<string, Node> & { type: string };
type Block = readonly Node[];

class Break extends Error {}
class Continue extends Error {}

/**
 * Renders a template as Jinja 3.1 does it in Python with the environment of transformers: its sandbox, whitespace rules, loop
 * controls, `tojson`, `raise_exception` and `strftime_now`. What is not supported is an error and never other text.
 * @throws Error that says what is wrong
 */
export function renderTemplate(source: string, variables: Readonly<Record<string, unknown>>, now = new Date()): string {
  return new Renderer(now, variables).render(parseTemplate(source));
}

class Renderer {
  readonly #budget = new Budget();
  readonly #expressions = new Expressions(this.#budget);
  readonly #globals = new Scope(null);

  constructor(now: Date, variables: Readonly<Record<string, unknown>>) {
    for (const [name, value] of Object.entries(globalsOf(this.#budget, now))) this.#globals.set(name, value);
    for (const [name, value] of Object.entries(variables)) this.#globals.set(name, fromJs(value));
  }

  render(block: Block): string {
    return this.#text(block, new Scope(this.#globals));
  }

  #text(block: Block, scope: Scope): string {
    const out: string[] = [];
    this.#run(block, scope, out);
    return out.join('');
  }

  #run(block: Block, scope: Scope, out: string[]): void {
    for (const node of block) this.#statement(node as Fields, scope, out);
  }

  #statement(node: Fields, scope: Scope, out: string[]): void {
    const blocks = node as unknown as Record<string, Block>;
    switch (node.type) {
      case 'Comment':
        break;
      case 'If':
        this.#run((isTrue(this.#expressions.evaluate(node.test, scope)) ? blocks.body : blocks.alternate) ?? [], scope, out);
        break;
      case 'For':
        this.#loop(node, blocks, scope, out);
        break;
      case 'Set':
        this.#set(node, scope, node.value ? this.#expressions.evaluate(node.value, scope) : this.#text(blocks.body ?? [], scope));
        break;
      case 'Macro':
        scope.set((node.name as Named).value, this.#macro((node as unknown as { args: Parameter[] }).args, blocks.body ?? [], scope));
        break;
      case 'CallStatement': {
        const caller = this.#macro((node as unknown as { callerArgs: Parameter[] | null }).callerArgs ?? [], blocks.body ?? [], scope);
        const { callee } = node.call as Fields;
        this.#write(
          this.#expressions.call(this.#expressions.evaluate(callee, scope), node.call as Node, scope, new Map([['caller', caller]])),
          out,
        );
        break;
      }
      case 'FilterStatement':
        this.#write(this.#expressions.filter(this.#text(blocks.body ?? [], new Scope(scope)), node.filter as Node, scope), out);
        break;
      case 'Break':
        throw new Break();
      case 'Continue':
        throw new Continue();
      default:
        this.#write(this.#expressions.evaluate(node, scope), out);
    }
  }

  #write(value: Value, out: string[]): void {
    const text = str(value);
    this.#budget.make(text.length);
    out.push(text);
  }

  #loop(node: Fields, { body = [], defaultBlock = [] }: Record<string, Block>, scope: Scope, out: string[]): void {
    const selects = node.iterable?.type === 'SelectExpression' ? (node.iterable as Fields) : null;
    const all = itemsOf(this.#expressions.evaluate(selects ? selects.lhs : node.iterable, scope));
    this.#budget.spend(16 * 40 * all.length); // a round of a loop costs as much as some 40 steps, whatever it does
    const items = all.filter((item) => {
      if (!selects) return true;
      const inner = new Scope(scope);
      this.#assign(node.loopvar as Node, item, inner);
      return isTrue(this.#expressions.evaluate(selects.test, inner));
    });
    const memory: Value[] = [];
    for (const [index, item] of items.entries()) {
      const inner = new Scope(scope);
      this.#assign(node.loopvar as Node, item, inner);
      inner.set('loop', loopOf(items, index, memory));
      try {
        this.#run(body, inner, out);
      } catch (control) {
        if (control instanceof Break) break;
        if (!(control instanceof Continue)) throw control;
      }
    }
    if (items.length === 0) this.#run(defaultBlock, new Scope(scope), out);
  }

  #set(node: Fields, scope: Scope, value: Value): void {
    this.#assign(node.assignee as Node, value, scope);
  }

  #assign(target: Node, value: Value, scope: Scope): void {
    if (target.type === 'Identifier') {
      scope.set((target as Named).value, value);
      return;
    }
    if (target.type === 'TupleLiteral') {
      const names = (target as unknown as { value: Node[] }).value;
      const items = itemsOf(value);
      if (items.length !== names.length) throw new TemplateError(`${names.length} names for ${items.length} values`);
      for (const [index, name] of names.entries()) this.#assign(name, items[index], scope);
      return;
    }
    const { object, property } = target as Fields;
    const holder = target.type === 'MemberExpression' ? this.#expressions.evaluate(object, scope) : undefined;
    if (!(holder instanceof Namespace) || property?.type !== 'Identifier')
      throw new TemplateError('only attributes of a namespace can be set');
    holder.members.set((property as Named).value, value);
  }

  /** A macro sees the variables of the place where it stands, not of where it is called. */
  #macro(parameters: readonly Parameter[], body: Block, scope: Scope): Callable {
    const names = parameters.map((one) => (one.type === 'Identifier' ? (one.value as string) : one.key.value));
    return new Callable((args, keywords) => {
      const inner = new Scope(scope);
      const given = bind(names, args, keywords);
      inner.set('caller', given.get('caller'));
      for (const name of names) inner.set(name, given.get(name));
      for (const [index, one] of parameters.entries()) {
        const name = names[index] as string;
        if (!given.has(name) && one.type !== 'Identifier') inner.set(name, this.#expressions.evaluate(one.value as Node, inner));
      }
      return this.#text(body, inner);
    });
  }
}

function bind(names: readonly string[], args: readonly Value[], keywords: Keywords): Keywords {
  if (args.length > names.length) throw new TemplateError(`a macro takes at most ${names.length} arguments, not ${args.length}`);
  const given: Keywords = new Map(args.map((value, index) => [names[index] as string, value]));
  for (const [name, value] of keywords) {
    if (given.has(name) || !(names.includes(name) || name === 'caller'))
      throw new TemplateError(`a macro does not take the argument ${name}`);
    given.set(name, value);
  }
  return given;
}

/** The variable `loop`. */
function loopOf(items: readonly Value[], index: number, memory: Value[]): Namespace {
  const changed = new Callable((args) => {
    const isSame = memory.length > 0 && isEqual(memory[0], args);
    memory[0] = args;
    return !isSame;
  });
  const cycle = new Callable((args) => args[index % args.length]);
  const members: [string, Value][] = [
    ['index', BigInt(index + 1)],
    ['index0', BigInt(index)],
    ['revindex', BigInt(items.length - index)],
    ['revindex0', BigInt(items.length - index - 1)],
    ['first', index === 0],
    ['last', index === items.length - 1],
    ['length', BigInt(items.length)],
    ['depth', 1n], // recursive loops are refused
    ['depth0', 0n],
    ['previtem', items[index - 1]],
    ['nextitem', items[index + 1]],
    ['changed', changed],
    ['cycle', cycle],
  ];
  return new Namespace(new Map(members));
}
