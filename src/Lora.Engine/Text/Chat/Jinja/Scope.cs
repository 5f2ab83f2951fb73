using System.Text;

namespace Lora.Text.Jinja;

/// <summary>The variables of a block, the blocks around it, and where its text goes.</summary>
internal sealed class Scope
{
    private readonly Dictionary<string, Value> variables = new(StringComparer.Ordinal);
    private readonly Scope? outer;

    /// <summary>The scope that holds all others.</summary>
    public Scope(Budget budget)
    {
        Budget = budget;
        Output = new StringBuilder();
        Generated = [];
    }

    private Scope(Scope outer, StringBuilder output, List<Range>? generated)
    {
        this.outer = outer;
        Budget = outer.Budget;
        Output = output;
        Generated = generated;
    }

    public Budget Budget { get; }

    public StringBuilder Output { get; }

    /// <summary>The generation blocks so far; null where text is captured and its place in the output is not known.</summary>
    public List<Range>? Generated { get; }

    public Scope Inner() => new(this, Output, Generated);

    /// <summary>An inner scope whose text is kept apart.</summary>
    public Scope Captured() => new(this, new StringBuilder(), null);

    public void Set(string name, Value value) => variables[name] = value;

    public Value Get(string name) => Find(name) ?? new UndefinedValue($"'{name}' is undefined");

    public Value? Find(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.outer)
        {
            if (scope.variables.TryGetValue(name, out Value? value))
            {
                return value;
            }
        }

        return null;
    }

    public void Write(string text)
    {
        Budget.Create(text.Length);
        Output.Append(text);
        if (Output.Length > Budget.MostWeight)
        {
            throw new JinjaFailure($"its text has more than {Budget.MostWeight} characters");
        }
    }
}
