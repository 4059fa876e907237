import { attribute, item, path, slice } from './access';
import type { Budget } from './budget';
import { applyFilter } from './filters';
import { NEGATED_TEST, OPERATORS, TEST } from './grammar';
import { binary } from './operators';
import type { Scope } from './scope';
import type { Named, Node } from './syntax';
import { runTest } from './tests';
import { Callable, isNumber, isTrue, itemsOf, type Keywords, keyOf, plain, TemplateError, tupleOf, typeName, type Value } from './values';

type Fields = Record<string, Node> & { type: string };
interface Given {
  args: Value[];
  keywords: Keywords;
}

const CONSTANTS = new Map<string, Value>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

/** Evaluates expressions with the meaning that they have in Python. */
export class Expressions {
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  evaluate(node: Node | undefined, scope: Scope): Value {
    this.#budget.spend();
    const { value, ...fields } = (node ?? { type: 'Nothing' }) as Fields & { value: unknown };
    switch (node?.type) {
      case undefined:
        return undefined;
      case 'StringLiteral':
        return String(value);
      case 'FloatLiteral':
        return Number(value);
      case 'IntegerLiteral':
        if (Number.isSafeInteger(value)) return BigInt(Number(value));
        throw new TemplateError('integers of more than 53 bits are not supported');
      case 'Identifier':
        if (OPERATORS.includes(String(value))) throw new TemplateError(`a value is missing before ${value}`);
        return CONSTANTS.has(String(value)) ? CONSTANTS.get(String(value)) : scope.get(String(value));
      case 'ArrayLiteral':
        return (value as Node[]).map((one) => this.evaluate(one, scope));
      case 'TupleLiteral':
        return tupleOf((value as Node[]).map((one) => this.evaluate(one, scope)));
      case 'ObjectLiteral':
        return new Map(Array.from(value as Map<Node, Node>, ([key, one]) => [keyOf(this.evaluate(key, scope)), this.evaluate(one, scope)]));
      default:
        return this.#operation(fields as Fields, scope);
    }
  }

  #operation(node: Fields, scope: Scope): Value {
    switch (node.type) {
      case 'BinaryExpression':
        return this.#binary(node, scope);
      case 'UnaryExpression':
        return this.#unary(node, scope);
      case 'Ternary':
        return this.evaluate(isTrue(this.evaluate(node.condition, scope)) ? node.trueExpr : node.falseExpr, scope);
      case 'SelectExpression':
        return isTrue(this.evaluate(node.test, scope)) ? this.evaluate(node.lhs, scope) : undefined;
      case 'MemberExpression':
        return this.#member(node, scope);
      case 'CallExpression':
        return this.call(this.evaluate(node.callee, scope), node, scope);
      case 'FilterExpression':
        return this.filter(this.evaluate(node.operand, scope), node.filter as Node, scope);
      default:
        throw new TemplateError(`${node.type} is not supported`);
    }
  }

  #binary(node: Fields, scope: Scope): Value {
    const operator = (node.operator as Named).value;
    const left = this.evaluate(node.left, scope);
    if (operator === 'and') return isTrue(left) ? this.evaluate(node.right, scope) : left;
    if (operator === 'or') return isTrue(left) ? left : this.evaluate(node.right, scope);
    return binary(operator, left, this.evaluate(node.right, scope), this.#budget);
  }

  #unary(node: Fields, scope: Scope): Value {
    const operator = (node.operator as Named).value;
    const value = this.evaluate(node.argument, scope);
    if (operator === 'not') return !isTrue(value);
    if (!isNumber(value)) throw new TemplateError(`${operator} is not supported for a ${typeName(value)}`);
    return operator === '-' ? -plain(value) : plain(value);
  }

  #member(node: Fields, scope: Scope): Value {
    const object = this.evaluate(node.object, scope);
    const property = node.property as Fields;
    if (property.type === 'SliceExpression')
      return slice(
        object,
        [property.start, property.stop, property.step].map((bound) => (bound ? this.evaluate(bound, scope) : null)),
      );
    if (!node.computed && property.type === 'Identifier') return attribute(object, String(property.value), this.#budget);
    return item(object, this.evaluate(property, scope), this.#budget);
  }

  /** Calls a value with the arguments of a node. */
  call(callee: Value, node: Node, scope: Scope, more: Keywords = new Map()): Value {
    if (!(callee instanceof Callable)) throw new TemplateError(`a ${typeName(callee)} cannot be called`);
    const { args, keywords } = this.#given(node, scope);
    for (const [name, value] of more) keywords.set(name, value);
    return this.#budget.nested(() => callee.call(args, keywords));
  }

  /** Applies the filter (or rewritten test) of a node. */
  filter(value: Value, node: Node, scope: Scope): Value {
    const isCall = node.type === 'CallExpression';
    const { value: name } = (isCall ? (node as Fields).callee : node) as Named;
    const { args, keywords } = isCall ? this.#given(node, scope) : { args: [], keywords: new Map<string, Value>() };
    if (name.startsWith(TEST)) return runTest(name.slice(TEST.length), value, args, this.#budget);
    if (name.startsWith(NEGATED_TEST)) return !runTest(name.slice(NEGATED_TEST.length), value, args, this.#budget);
    const budget = this.#budget;
    return applyFilter(name, value, args, keywords, {
      budget,
      attribute: (object, names, fallback) => path(object, names, budget, fallback),
    });
  }

  #given(node: Node, scope: Scope): Given {
    const args: Value[] = [];
    const keywords: Keywords = new Map();
    for (const one of (node as unknown as { args: Fields[] }).args) {
      if (one.type === 'KeywordArgumentExpression') keywords.set((one.key as Named).value, this.evaluate(one.value, scope));
      else if (one.type === 'SpreadExpression') args.push(...itemsOf(this.evaluate(one.argument, scope)));
      else if (one.type === 'KeywordSpreadExpression') {
        const more = this.evaluate(one.argument, scope);
        if (!(more instanceof Map)) throw new TemplateError('** wants a dict');
        for (const [key, value] of more) keywords.set(String(key), value);
      } else args.push(this.evaluate(one, scope));
    }
    return { args, keywords };
  }
}
