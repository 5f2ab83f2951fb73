using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Text;

namespace Lora.Commands;

/// <summary>
/// Reads what is written on a line that is still being typed, and runs nothing of it: constants, variables, lists of them, and what a pipeline
/// of this module's commands would work on. Everything else (a call, a subexpression, a property) stands for nothing.
/// </summary>
internal sealed class SyntaxReader(ShellSession session)
{
    /// <summary>What a piece of the line stands for: a text, a number, an object of the session, <see cref="KnownModules"/>, or a list or table of these.</summary>
    public object? Read(Ast? ast) => ast switch
    {
        StringConstantExpressionAst text => text.Value,
        ConstantExpressionAst constant => constant.Value,
        ExpandableStringExpressionAst text => Expanded(text),
        VariableExpressionAst variable => Read(Assigned(variable)) ?? Unwrapped(session.Variable(variable.VariablePath)),
        ArrayLiteralAst list => list.Elements.Select(Read).ToArray(),
        ArrayExpressionAst list => list.SubExpression.Statements.Select(Read).SelectMany(value => value as object?[] ?? [value]).ToArray(),
        ErrorExpressionAst unfinished => unfinished.NestedAst?.Select(Read).SelectMany(value => value as object?[] ?? [value]).ToArray(), // "a, b," before its next element
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

    /// <summary>The last thing that the text before a variable gives it; in a script that is not run yet the session does not know it.</summary>
    private static StatementAst? Assigned(VariableExpressionAst variable)
    {
        Ast root = variable;
        while (root.Parent is not null)
        {
            root = root.Parent;
        }

        int start = variable.Extent.StartOffset;
        return root.FindAll(ast => ast is AssignmentStatementAst { Operator: TokenKind.Equals } && ast.Extent.EndOffset <= start, searchNestedScriptBlocks: true)
            .Cast<AssignmentStatementAst>()
            .LastOrDefault(assignment => Target(assignment.Left) is VariableExpressionAst target
                && target.VariablePath.UserPath.Equals(variable.VariablePath.UserPath, StringComparison.OrdinalIgnoreCase))?.Right;
    }

    private static ExpressionAst Target(ExpressionAst left) => left is AttributedExpressionAst { Child: ExpressionAst child } ? Target(child) : left;

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
            if (Read(nested) is not (string or int) || start < 0)
            {
                return null;
            }

            result.Append(text.Value, position, start - position).Append(Read(nested));
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
