namespace Lora.Text.Jinja;

/// <summary>What a value is assigned to.</summary>
internal abstract class Target
{
    public abstract void Assign(Value value, Scope scope);
}

internal sealed class NameTarget(string name) : Target
{
    public string Name => name;

    public override void Assign(Value value, Scope scope) => scope.Set(name, value);
}

/// <summary><c>name.field</c> of a namespace.</summary>
internal sealed class FieldTarget(string name, string field) : Target
{
    public override void Assign(Value value, Scope scope) =>
        (scope.Get(name) as NamespaceValue ?? throw new JinjaFailure("cannot assign attribute on non-namespace object")).Set(field, value);
}

/// <summary>Several targets, among which a sequence is shared out.</summary>
internal sealed class TupleTarget(IReadOnlyList<Target> targets) : Target
{
    public override void Assign(Value value, Scope scope)
    {
        List<Value> values = Sequence.Read(value, scope.Budget);
        if (values.Count != targets.Count)
        {
            throw new JinjaFailure($"{values.Count} values cannot be unpacked into {targets.Count} names");
        }

        for (int index = 0; index < values.Count; index++)
        {
            targets[index].Assign(values[index], scope);
        }
    }
}
