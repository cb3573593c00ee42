# SPDX-License-Identifier: Apache-2.0
# Groups a table with pandas and fits a line with scikit-learn.
#     rcectl run examples/pandas.py
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

rng = np.random.default_rng(1)
table = pd.DataFrame({"group": rng.choice(["a", "b", "c"], 1000), "x": rng.uniform(0, 10, 1000)})
table["y"] = 3 * table["x"] + 2 + rng.normal(0, 0.1, 1000)
print(table.groupby("group")["y"].describe()[["count", "mean", "std"]].round(2))

line = LinearRegression().fit(table[["x"]], table["y"])
print(f"y = {line.coef_[0]:.1f} x + {line.intercept_:.1f}")
