import type { LanguageModelV3Message, LanguageModelV3Prompt, LanguageModelV3ToolResultPart, SharedV3Warning } from '@ai-sdk/provider';
import type { ChatMessage } from '@densessm/tokenizer';

type Warn = (warning: SharedV3Warning) => void;

/** A conversation of the AI SDK as chat templates know it. What is not text is left out, with a warning for each kind. */
export function messagesOf(prompt: LanguageModelV3Prompt, warn: Warn): ChatMessage[] {
  const told = new Set<string>();
  const leaveOut = (feature: string, details: string): string => {
    if (!told.has(feature)) warn({ type: 'unsupported', feature, details });
    told.add(feature);
    return '';
  };
  return prompt.flatMap((message) => written(message, leaveOut));
}

type LeaveOut = (feature: string, details: string) => string;

function written(message: LanguageModelV3Message, leaveOut: LeaveOut): ChatMessage[] {
  if (message.role === 'system') return [{ role: 'system', content: message.content }];
  if (message.role === 'tool')
    return message.content.flatMap((part) => {
      if (part.type === 'tool-result') return [toolMessage(part)];
      leaveOut('tool approvals', 'They are not shown to the model.');
      return [];
    });
  const texts: string[] = [];
  const calls: unknown[] = [];
  const results: ChatMessage[] = [];
  for (const part of message.content) {
    if (part.type === 'text') texts.push(part.text);
    else if (part.type === 'file') leaveOut('files', 'The model reads text; files are left out.');
    else if (part.type === 'reasoning') leaveOut('reasoning', 'The reasoning of earlier messages is left out.');
    else if (part.type === 'tool-result') results.push(toolMessage(part));
    else calls.push({ id: part.toolCallId, type: 'function', function: { name: part.toolName, arguments: part.input } });
  }
  return [{ role: message.role, content: texts.join(''), ...(calls.length > 0 && { tool_calls: calls }) }, ...results];
}

const toolMessage = (part: LanguageModelV3ToolResultPart): ChatMessage => ({
  role: 'tool',
  name: part.toolName,
  tool_call_id: part.toolCallId,
  content: resultText(part.output),
});

function resultText(output: LanguageModelV3ToolResultPart['output']): string {
  if (output.type === 'text' || output.type === 'error-text') return output.value;
  if (output.type === 'execution-denied') return output.reason ?? 'The call was not allowed.';
  if (output.type === 'content') return output.value.map((part) => (part.type === 'text' ? part.text : '')).join('');
  return JSON.stringify(output.value);
}
