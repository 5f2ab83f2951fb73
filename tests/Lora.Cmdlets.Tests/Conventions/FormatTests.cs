using System.Management.Automation;
using System.Reflection;
using System.Xml.Linq;

namespace Lora.Commands.Tests.Conventions;

/// <summary>Lora.Format.ps1xml and Lora.Types.ps1xml against the types that users meet.</summary>
public sealed class FormatTests
{
    private const int MostColumns = 5;

    private readonly XDocument format = XDocument.Load(Path.Combine(Repository.Root, "Lora.Format.ps1xml"));
    private readonly XDocument types = XDocument.Load(Path.Combine(Repository.Root, "Lora.Types.ps1xml"));

    /// <summary>Our own types that cmdlets emit, and those that are properties of one.</summary>
    private static IReadOnlyCollection<Type> Emitted { get; } = Reach(Cmdlets.Types.SelectMany(type => type.GetCustomAttributes<OutputTypeAttribute>())
        .SelectMany(attribute => attribute.Type).Select(name => name.Type).Where(IsOurs));

    [Fact]
    public void Tables_have_at_most_five_columns_and_a_value_for_each() => Assert.All(format.Descendants("TableControl"), table =>
    {
        int headers = table.Descendants("TableColumnHeader").Count();
        Assert.InRange(headers, 1, MostColumns);
        Assert.Equal(headers, table.Descendants("TableColumnItem").Count());
    });

    [Fact]
    public void Every_label_is_a_property_so_that_it_can_be_sorted_and_selected_by() => Assert.All(format.Descendants("View"), view =>
    {
        Type type = Named(Plain(view.Descendants("TypeName").Single().Value));
        Assert.All(view.Descendants("PropertyName").Concat(view.Descendants("Label")), name => Assert.NotNull(type.GetProperty(name.Value)));
    });

    [Fact]
    public void Every_emitted_type_has_a_view() => Assert.Equal(
        Emitted.Select(type => type.FullName).Order(), format.Descendants("ViewSelectedBy").Select(by => Plain(by.Value.Trim())).Distinct().Order());

    [Fact]
    public void Every_emitted_type_says_what_it_is_as_text() => Assert.All(
        Emitted, type => Assert.NotEqual(typeof(object), type.GetMethod(nameof(ToString), [])!.DeclaringType));

    [Fact]
    public void Every_emitted_type_has_default_properties_that_exist_and_are_set_once() => Assert.All(Emitted, type =>
    {
        XElement entry = Assert.Single(types.Root!.Elements(), entry => entry.Element("Name")!.Value == type.FullName);
        XElement set = Assert.Single(entry.Descendants("PropertySet"));
        Assert.Equal("DefaultDisplayPropertySet", set.Element("Name")!.Value);
        Assert.All(set.Descendants("ReferencedProperties").Single().Elements(), name => Assert.NotNull(type.GetProperty(name.Value)));
        Assert.Equal(typeof(ReadOnlyProperties).FullName, entry.Element("TypeAdapter")!.Value);
    });

    [Fact]
    public void What_can_be_made_of_properties_comes_back_from_a_job_and_what_holds_tensors_does_not() => Assert.All(Emitted, type =>
    {
        bool travels = types.Root!.Elements().Any(entry => entry.Element("Name")!.Value == "Deserialized." + type.FullName);
        bool converts = types.Root!.Elements().Any(entry => entry.Element("Name")!.Value == type.FullName && entry.Element("TypeConverter") is not null);
        Assert.Equal(type != typeof(LoraAdapter) && type.Name != "TensorData", travels);
        Assert.Equal(type.Name != "TensorData", converts);
    });

    [Fact]
    public void Numbers_are_formatted_in_one_place_and_for_every_culture() => Assert.Empty(format.Descendants("FormatString"));

    private static HashSet<Type> Reach(IEnumerable<Type> start)
    {
        HashSet<Type> found = [];
        Stack<Type> open = new(start);
        while (open.TryPop(out Type? type))
        {
            if (found.Add(type))
            {
                foreach (Type next in type.GetProperties().Select(property => Item(property.PropertyType)).Where(IsOurs))
                {
                    open.Push(next);
                }
            }
        }

        return found;
    }

    private static Type Item(Type type) => type.GetElementType() ?? (type.IsGenericType ? type.GetGenericArguments()[0] : type);

    // A shape is a list of numbers, which shows itself.
    private static bool IsOurs(Type type) => type is { IsEnum: false, Namespace: "Lora" or "Lora.Checkpoints" } && type != typeof(LoraShape);

    // One type may have further views: behind a # stands what its objects are marked as.
    private static string Plain(string typeName) => typeName.Split('#')[0];

    private static Type Named(string name) => typeof(LoraModuleInfo).Assembly.GetType(name, throwOnError: true)!;
}
