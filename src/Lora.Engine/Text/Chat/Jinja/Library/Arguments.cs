namespace Lora.Text.Jinja;

/// <summary>What a call is given.</summary>
internal sealed record Arguments(IReadOnlyList<Value> Positional, IReadOnlyDictionary<string, Value> Named, Budget Budget)
{
    public Value? Optional(int place, string name) => place < Positional.Count ? Positional[place] : Named.GetValueOrDefault(name);

    public Value Required(int place, string name) => Optional(place, name) ?? throw new JinjaFailure($"the argument '{name}' is missing");

    public string Text(int place, string name) => Required(place, name) is TextValue text
        ? text.Text
        : throw new JinjaFailure($"the argument '{name}' is '{Required(place, name).TypeName}'; expected is a string");

    public int Integer(int place, string name, int absent) => Optional(place, name) is Value value and not NoneValue ? Numbers.Small(value) : absent;

    public bool Flag(int place, string name) => Optional(place, name) is { IsTrue: true };

    /// <summary>The arguments of a filter or test that another names.</summary>
    public Arguments From(int place) => this with { Positional = [.. Positional.Skip(place)] };
}
