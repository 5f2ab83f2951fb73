namespace Lora.Text.Jinja;

/// <summary>Whether something holds for a value.</summary>
internal delegate bool Test(Value value, Arguments arguments);

/// <summary>Jinja2's tests by name.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Test> Known = new(StringComparer.Ordinal)
    {
        ["boolean"] = (value, _) => value is BooleanValue,
        ["callable"] = (value, _) => value is FunctionValue or LoopValue,
        ["defined"] = (value, _) => value is not UndefinedValue,
        ["divisibleby"] = (value, arguments) => Comparison.AreEqual(Operations.Apply("%", value, arguments.Required(0, "num"), arguments.Budget), new IntegerValue(0)),
        ["escaped"] = (value, _) => value is TextValue { IsSafe: true },
        ["even"] = (value, _) => Numbers.Integer(value) % 2 == 0,
        ["false"] = (value, _) => value is BooleanValue { IsTrue: false },
        ["filter"] = (value, _) => Filters.Find(PythonText.Str(value)) is not null,
        ["float"] = (value, _) => value is FloatValue,
        ["in"] = (value, arguments) => Comparison.Contains(arguments.Required(0, "seq"), value, arguments.Budget),
        ["integer"] = (value, _) => value is IntegerValue,
        ["iterable"] = (value, _) => value is TextValue or ListValue or MapValue or GeneratorValue or UndefinedValue,
        ["lower"] = (value, _) => HasCase(PythonText.Str(value), char.IsLower, char.IsUpper),
        ["mapping"] = (value, _) => value is MapValue,
        ["none"] = (value, _) => value is NoneValue,
        ["number"] = (value, _) => Numbers.Is(value),
        ["odd"] = (value, _) => Numbers.Integer(value) % 2 != 0,
        ["sameas"] = (value, arguments) => IsSame(value, arguments.Required(0, "other")),
        // Jinja2 asks for a length and for members by index, which the views of a dict lack.
        ["sequence"] = (value, _) => value is TextValue or MapValue or ListValue { IsView: false } or UndefinedValue,
        ["string"] = (value, _) => value is TextValue,
        ["test"] = (value, _) => Find(PythonText.Str(value)) is not null,
        ["true"] = (value, _) => value is BooleanValue { IsTrue: true },
        ["undefined"] = (value, _) => value is UndefinedValue,
        ["upper"] = (value, _) => HasCase(PythonText.Str(value), char.IsUpper, char.IsLower),
    };

    private static readonly Dictionary<string, string> Comparisons = new(StringComparer.Ordinal)
    {
        ["=="] = "==",
        ["eq"] = "==",
        ["equalto"] = "==",
        ["!="] = "!=",
        ["ne"] = "!=",
        [">"] = ">",
        ["gt"] = ">",
        ["greaterthan"] = ">",
        [">="] = ">=",
        ["ge"] = ">=",
        ["<"] = "<",
        ["lt"] = "<",
        ["lessthan"] = "<",
        ["<="] = "<=",
        ["le"] = "<=",
    };

    public static Test? Find(string name) =>
        Comparisons.TryGetValue(name, out string? sign)
            ? (value, arguments) => ComparisonExpression.Holds(sign, value, arguments.Required(0, "other"), arguments.Budget)
            : Known.GetValueOrDefault(name);

    /// <summary>islower() and isupper(): letters of one case, and none of the other.</summary>
    private static bool HasCase(string text, Func<char, bool> wanted, Func<char, bool> other) => text.Any(wanted) && !text.Any(other);

    private static bool IsSame(Value value, Value other) =>
        // Python's is: it keeps one object for a small number or a short text, where every value here is made anew.
        ReferenceEquals(value, other) || (value.GetType() == other.GetType() && value is IntegerValue or TextValue && Comparison.AreEqual(value, other));
}
