namespace Lora.Text.Jinja;

/// <summary>The parameters and the body of a macro.</summary>
internal sealed record Macro(string Name, IReadOnlyList<(string Name, Expression? Default)> Parameters, Block Body)
{
    /// <summary>The function that the macro is where it is defined.</summary>
    public FunctionValue In(Scope definition) => new(Name, arguments => definition.Budget.Call(() => Call(definition, arguments)));

    private TextValue Call(Scope definition, Arguments arguments)
    {
        Scope scope = definition.Captured();
        if (arguments.Positional.Count > Parameters.Count)
        {
            scope.Set("varargs", new ListValue([.. arguments.Positional.Skip(Parameters.Count)], ListKind.Tuple));
        }

        for (int index = 0; index < Parameters.Count; index++)
        {
            (string name, Expression? absent) = Parameters[index];
            // A default is worked out at each call, and may name the parameters before it.
            scope.Set(name, arguments.Optional(index, name) ?? absent?.Evaluate(scope) ?? new UndefinedValue($"parameter '{name}' was not provided"));
        }

        foreach (string name in arguments.Named.Keys.Where(name => name != "caller" && Parameters.All(parameter => parameter.Name != name)))
        {
            throw new JinjaFailure($"macro '{Name}' takes no keyword argument '{name}'");
        }

        if (arguments.Named.TryGetValue("caller", out Value? caller))
        {
            scope.Set("caller", caller);
        }

        return Body.Capture(scope);
    }
}

/// <summary><c>{% macro name(parameters) %}</c></summary>
internal sealed class MacroStatement(Macro macro, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        scope.Set(macro.Name, macro.In(scope));
        return Flow.Next;
    }
}

/// <summary><c>{% call name(arguments) %}</c>: the block is what the macro finds as caller().</summary>
internal sealed class CallStatement(Expression function, ArgumentExpressions arguments, Macro caller, int line) : Statement(line)
{
    protected override Flow Execute(Scope scope)
    {
        Value called = function.Evaluate(scope);
        Arguments given = arguments.Evaluate(scope);
        Dictionary<string, Value> named = new(given.Named, StringComparer.Ordinal) { ["caller"] = caller.In(scope) };
        scope.Write(PythonText.Str(called switch
        {
            FunctionValue macro => macro.Call(given with { Named = named }),
            UndefinedValue undefined => throw new JinjaFailure(undefined.Reason),
            _ => throw new JinjaFailure($"'{called.TypeName}' object is not callable"),
        }));
        return Flow.Next;
    }
}
