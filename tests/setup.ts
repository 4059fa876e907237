import '@densessm/runtime-node';
