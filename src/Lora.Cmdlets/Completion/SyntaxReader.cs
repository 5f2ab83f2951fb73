using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Runtime.CompilerServices;
using System.Text;

namespace Lora.Commands;

/// <summary>
/// Reads what is written on a line that is still being typed, and runs nothing of it: constants, variables, lists of them, and what a pipeline
/// of this module's commands would work on. Everything else (a call, a subexpression, a property) stands for nothing.
/// </summary>
internal sealed class SyntaxReader(ShellSession session)
{
    // Each is read once: of variables that are made of two others each, line by line, there would be no end.
    private readonly Dictionary<StatementAst, object?> values = [];
    private AssignmentStatementAst[]? assignments;

    /// <summary>What a piece of the line stands for: a text, a number, an object of the session, <see cref="KnownModules"/>, or a list or table of these.</summary>
    public object? Read(Ast? ast) => ast switch
    {
        StringConstantExpressionAst text => text.Value,
        ConstantExpressionAst constant => constant.Value,
        ExpandableStringExpressionAst text => Expanded(text),
        VariableExpressionAst variable => Value(variable),
        ArrayLiteralAst list => list.Elements.Select(Read).ToArray(),
        ArrayExpressionAst list => list.SubExpression.Statements.Select(Read).SelectMany(value => value as object?[] ?? [value]).ToArray(),
        ErrorExpressionAst unfinished => unfinished.NestedAst?.Select(Read).SelectMany(value => value as object?[] ?? [value]).ToArray(), // "a, b," before its next element
        BinaryExpressionAst { Operator: TokenKind.DotDot } range => Range(Read(range.Left), Read(range.Right)),
        HashtableAst table => Table(table),
        AttributedExpressionAst converted => Read(converted.Child),
        ParenExpressionAst parenthesis => Read(parenthesis.Pipeline),
        PipelineAst pipeline => Read(pipeline.PipelineElements[^1]),
        CommandExpressionAst expression => Read(expression.Expression),
        CommandAst command => new ModuleSource(session, this).Given(command),
        _ => null,
    };

    /// <summary>The value below the shell's wrapper.</summary>
    public static object? Unwrapped(object? value) => value is PSObject wrapper ? wrapper.BaseObject : value;

    // (0..3) for -Layer; more blocks than that no model has.
    private static object?[]? Range(object? first, object? last) =>
        first is int from && last is int to && to >= from && to - from < 10_000 ? [.. Enumerable.Range(from, to - from + 1).Cast<object>()] : null;

    private static ExpressionAst Target(ExpressionAst left) => left is AttributedExpressionAst { Child: ExpressionAst child } ? Target(child) : left;

    private object? Value(VariableExpressionAst variable)
    {
        // Throws what the completer catches, where variables of variables are too many; an overflow would end the shell.
        RuntimeHelpers.EnsureSufficientExecutionStack();
        object? value = null;
        if (Assigned(variable) is StatementAst source && !values.TryGetValue(source, out value))
        {
            value = values[source] = Read(source);
        }

        return value ?? Unwrapped(session.Variable(variable.VariablePath));
    }

    /// <summary>The last thing that the text before a variable gives it; of a script that is not run yet the session knows nothing.</summary>
    private StatementAst? Assigned(VariableExpressionAst variable)
    {
        assignments ??= Assignments(variable);
        return Array.FindLast(
            assignments,
            assignment => assignment.Extent.EndOffset <= variable.Extent.StartOffset
                && Target(assignment.Left) is VariableExpressionAst target
                && target.VariablePath.UserPath.Equals(variable.VariablePath.UserPath, StringComparison.OrdinalIgnoreCase))?.Right;
    }

    private static AssignmentStatementAst[] Assignments(Ast any)
    {
        while (any.Parent is not null)
        {
            any = any.Parent;
        }

        return [.. any.FindAll(ast => ast is AssignmentStatementAst { Operator: TokenKind.Equals }, searchNestedScriptBlocks: true).Cast<AssignmentStatementAst>()];
    }

    private string? Expanded(ExpandableStringExpressionAst text)
    {
        // The value has lost its backticks, so that what they kept can no longer be told from a variable.
        if (text.Extent.Text.Contains('`', StringComparison.Ordinal) || text.NestedExpressions.Any(nested => nested is not VariableExpressionAst))
        {
            return null;
        }

        StringBuilder result = new();
        int position = 0;
        foreach (ExpressionAst nested in text.NestedExpressions)
        {
            int start = text.Value.IndexOf(nested.Extent.Text, position, StringComparison.Ordinal);
            if (Read(nested) is not object value || value is not (string or int) || start < 0)
            {
                return null;
            }

            result.Append(text.Value, position, start - position).Append(value);
            position = start + nested.Extent.Text.Length;
        }

        return result.Append(text.Value, position, text.Value.Length - position).ToString();
    }

    private Hashtable Table(HashtableAst ast)
    {
        Hashtable table = new(StringComparer.OrdinalIgnoreCase);
        foreach ((ExpressionAst key, StatementAst value) in ast.KeyValuePairs)
        {
            if (Read(key) is string name)
            {
                table[name] = Read(value);
            }
        }

        return table;
    }
}
