import { mount } from 'svelte';
import App from './App.svelte';
import { keepForOffline } from './isolation';
import './state/quiet-buttons';
import { breathe } from './state/turns';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';

const target = document.getElementById('app');
void breathe().then(() => {
  if (target) mount(App, { target });
});
void keepForOffline();
