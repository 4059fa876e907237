import { Story } from './story';

export default function Page() {
  return (
    <main>
      <h1>A story</h1>
      <Story />
    </main>
  );
}
