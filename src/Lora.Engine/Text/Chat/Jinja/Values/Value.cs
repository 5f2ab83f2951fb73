namespace Lora.Text.Jinja;

/// <summary>
/// What a template computes with: Python's values, of these kinds alone, so that no .NET object is within its reach. Values do not change (a
/// namespace does), and each knows how deep and how heavy it is, which bounds every walk through it.
/// </summary>
internal abstract class Value
{
    /// <summary>Python's name of the type.</summary>
    public abstract string TypeName { get; }

    /// <summary>Python's bool().</summary>
    public virtual bool IsTrue => true;

    /// <summary>How many values stand in each other below this one.</summary>
    public virtual int Depth => 0;

    /// <summary>The values and characters below this one, each counted as often as it is met.</summary>
    public virtual long Weight => 1;

    /// <summary>The members that are this value's own.</summary>
    public virtual int Size => 1;

    /// <summary>Python's iter().</summary>
    public virtual IEnumerable<Value> Items() => throw new JinjaFailure($"'{TypeName}' object is not iterable");

    /// <summary>What a dot and a name give, or null where there is no such attribute.</summary>
    public virtual Value? Attribute(string name) => null;

    /// <summary>What brackets give, or null where there is no such member.</summary>
    public virtual Value? Item(Value key) => null;
}

internal sealed class NoneValue : Value
{
    public static readonly NoneValue Instance = new();

    private NoneValue()
    {
    }

    public override string TypeName => "NoneType";

    public override bool IsTrue => false;
}

internal sealed class BooleanValue : Value
{
    private static readonly BooleanValue True = new(true);
    private static readonly BooleanValue False = new(false);

    private BooleanValue(bool isTrue) => IsTrue = isTrue;

    public override string TypeName => "bool";

    public override bool IsTrue { get; }

    public static BooleanValue Of(bool value) => value ? True : False;
}

internal sealed class IntegerValue(long number) : Value
{
    public override string TypeName => "int";

    public long Number => number;

    public override bool IsTrue => number != 0;
}

internal sealed class FloatValue(double number) : Value
{
    public override string TypeName => "float";

    public double Number => number;

    public override bool IsTrue => number != 0;
}

/// <summary>What is not there. It prints as nothing and is false; whatever else is asked of it fails with the reason.</summary>
internal sealed class UndefinedValue(string reason) : Value
{
    public override string TypeName => "Undefined";

    public string Reason => reason;

    public override bool IsTrue => false;

    // Jinja2 lets a loop run over what is not there: it has no pass.
    public override IEnumerable<Value> Items() => [];

    public override Value Attribute(string name) => throw new JinjaFailure(reason);

    public override Value Item(Value key) => throw new JinjaFailure(reason);
}

/// <summary>What can be called: a macro, a method, a function of the environment.</summary>
internal sealed class FunctionValue(string name, Func<Arguments, Value> body) : Value
{
    public override string TypeName => "function";

    public string Name => name;

    public Value Call(Arguments arguments) => body(arguments);
}

/// <summary>namespace(): the one value that a template may change, so that a loop can hand something on.</summary>
internal sealed class NamespaceValue : Value
{
    private readonly Dictionary<string, Value> fields = new(StringComparer.Ordinal);

    public override string TypeName => "Namespace";

    public override Value? Attribute(string name) => fields.GetValueOrDefault(name);

    public override Value? Item(Value key) => key is TextValue text ? fields.GetValueOrDefault(text.Text) : null;

    public void Set(string name, Value value) => fields[name] = value;
}
