from perf.aggregator import MIDDLE, SMALL, LARGE, measure
import sys, dataclasses
load={"s":SMALL,"m":MIDDLE,"l":LARGE}[sys.argv[1]]
if len(sys.argv)>2: load=dataclasses.replace(load, settle=20, quiet=20, scrapes=5, visible=10)
for f in measure(load): print(f.name, "|", f.value, "|", f.goal, flush=True)
