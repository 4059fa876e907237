#!/usr/bin/env node
import '@densessm/trainer/cli';
